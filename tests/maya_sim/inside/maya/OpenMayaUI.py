"""`maya.OpenMayaUI`: the stand-in has no window to give away."""


class MQtUtil:
    @staticmethod
    def mainWindow():
        return None
