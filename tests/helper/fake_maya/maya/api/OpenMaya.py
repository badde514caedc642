"""Callbacks: scene messages, events, and what the Script Editor shows."""

from maya import check_thread, state


class MMessage:
    @staticmethod
    def removeCallback(number):
        check_thread()
        del state.callbacks[number]


def _add(moment, function, client_data):
    check_thread()
    if not callable(function):
        raise TypeError("a callable is needed")
    number = state.next_callback
    state.next_callback += 1
    state.callbacks[number] = (moment, function, client_data)
    return number


class MSceneMessage(MMessage):
    kAfterNew = "after new"
    kAfterOpen = "after open"
    kAfterSave = "after save"
    kMayaExiting = "exiting"

    @staticmethod
    def addCallback(moment, function, clientData=None):
        return _add(moment, function, clientData)


class MEventMessage(MMessage):
    @staticmethod
    def addEventCallback(event, function, clientData=None):
        return _add(event, function, clientData)


class MCommandMessage(MMessage):
    kHistory, kDisplay, kInfo, kWarning, kError, kResult, kStackTrace = range(7)

    @staticmethod
    def addCommandOutputCallback(function, clientData=None):
        return _add("shown", function, clientData)
