"""How far the code is, as it tells itself: `report_progress`, which every Python code finds there.

Invariant: out of a run of its own client it does nothing. What it does in one is loaded when it is
first called.
"""

import importlib

NAME = "report_progress"


def give(namespace, jobs, wake, client):
    """Puts it into the client's variables, unless they have another of that name by now."""
    if NAME not in namespace or _is_ours(namespace[NAME]):
        namespace[NAME] = _reporter(jobs, wake, client)


def end(job):
    """What was told last is on its way from here on, and nothing more is told."""
    reports = vars(job).setdefault("reports", False)
    if reports:
        reports.finish()


def _reporter(jobs, wake, client):
    def report_progress(progress, total=None, message=None):
        """Tells whoever runs this code how far it is: so much, of so much, and what it does now.

        It may be called as often as is convenient. What is told too fast is left out.
        """
        job = jobs.running
        if job is None or job.link.client != client or job.method != "execute":
            return
        reports = job.reports
        if reports is None:
            reports = _begun(job, wake)
        if reports:
            reports.add(progress, total, message)

    return report_progress


def _begun(job, wake):
    if not job.link.is_open:
        return False  # Nobody hears it. We may be leaving, and then there is no more to load.
    module = importlib.import_module(".reports", __package__)
    # In one step: the code may have threads that call it at the same time, and the job may end.
    return vars(job).setdefault("reports", module.Reports(job, wake))


def _is_ours(value):
    """Whether it is one of these functions, be it of another build of the helper."""
    # Not its __module__, which an artist's own function has from it by functools.wraps().
    return type(value) is type(give) and value.__globals__.get("__name__") == __name__
