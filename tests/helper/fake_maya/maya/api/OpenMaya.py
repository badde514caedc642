"""Scene messages."""

from maya import check_thread, state


class MSceneMessage:
    kAfterNew = "after new"
    kAfterOpen = "after open"
    kAfterSave = "after save"
    kMayaExiting = "exiting"

    @staticmethod
    def addCallback(moment, function, clientData=None):
        check_thread()
        if not callable(function):
            raise TypeError("a callable is needed")
        number = state.next_callback
        state.next_callback += 1
        state.callbacks[number] = (moment, function, clientData)
        return number

    @staticmethod
    def removeCallback(number):
        check_thread()
        del state.callbacks[number]
