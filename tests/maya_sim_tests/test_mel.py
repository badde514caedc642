"""MEL: expressions, loops and errors, and what of it shows in the Script Editor."""

import pytest


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("int $s = 0; for ($i = 0; $i < 10; $i++) { $s += $i; } $s", 45),
        ("$n = 3; while ($n) $n--; $n", 0),
        ('string $a[] = {"a", "b"}; $a[2] = "c"; size($a)', 3),
        ('string $all; for ($n in {"x", "y"}) $all += $n; $all', "xy"),
        ("1 + 2 * 3 - 4 / 3", 6),
        ("if (1 < 2 && !0) $r = 1; else $r = 2; $r", 1),
        ("catch(`teapot`)", 1),
        ('setAttr ("persp.t" + "x") 5; getAttr persp.tx', 5.0),
        ('size(`ls -type "camera"`)', 4),
        ("int $k = (int)3.7; $k", 3),
        ("while (1) { break; } 7", 7),
    ],
)
def test_it_is_computed(maya, code, value):
    assert maya(f"mel.eval({code!r})") == value


def test_what_cannot_be_read_does_not_begin(maya):
    with pytest.raises(RuntimeError, match="Syntax error"):
        maya("mel.eval('polyCube; x = ')")
    assert maya("cmds.ls(type='mesh')") == "[]"


def test_each_kind_of_text_reaches_the_callbacks(maya):
    maya("told = []")
    maya("om2.MCommandMessage.addCommandOutputCallback(lambda t, k, d: told.append((k, t)))")
    maya('mel.eval(\'print "a"; warning "b"; catch(`error "c"`);\')')
    maya.sim.control("command_line", code="about -v")
    maya("told[:] = told[:]\nseen = list(told)")
    m = "om2.MCommandMessage."
    assert (
        maya(
            f"seen == [({m}kDisplay, 'a'), ({m}kWarning, '// Warning: b //\\n'), "
            f"({m}kError, '// Error: c //\\n'), ({m}kHistory, 'about -v\\n'), "
            f"({m}kResult, '// Result: 2025\\n')]"
        )
        is True
    )


def test_a_python_print_comes_in_pieces(maya):
    maya("told = []")
    maya("om2.MCommandMessage.addCommandOutputCallback(lambda t, k, d: told.append(t))")
    maya("print('a', 1)")
    assert maya("told[:4]") == "['a', ' ', '1', '\\n']"


def test_a_loop_ends_before_it_is_interrupted(maya):
    maya(
        "import ctypes, threading\n"
        "class Stop(BaseException): pass\n"
        "me = threading.get_ident()\n"
        "stop_in = ctypes.pythonapi.PyThreadState_SetAsyncExc\n"
        "def stop():\n"
        "    while '$started' not in VARIABLES: pass\n"
        "    stop_in(ctypes.c_ulong(me), ctypes.py_object(Stop))\n"
        "    VARIABLES['$raised'] = 1\n"
        "from maya_sim.mel import VARIABLES\n"
        "VARIABLES['$raised'] = 0\n"
        "threading.Thread(target=stop).start()\n"
        "try:\n"
        "    mel.eval('while (!$raised) { $started = 1; }"
        " for ($i = 0; $i < 99; $i++) $last = $i;')\n"
        "except Stop: stopped = VARIABLES['$last']\n"
    )
    assert maya("stopped") == 98, "it went on to its end, and only then it was stopped"
