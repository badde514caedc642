"""The types of nodes that the stand-in knows, and what each of them is a kind of.

Invariant: every type but the roots names a type of this table as its parent. What is not here is
what Maya calls an unknown node type.
"""

# type: (parent, the names of MFn that it has beside its parent's). `node` is the root.
_TABLE = {
    "node": (None, "kBase kNamedObject kDependencyNode"),
    "entity": ("node", ""),
    "dagNode": ("entity", "kDagNode"),
    "transform": ("dagNode", "kTransform"),
    "joint": ("transform", "kJoint"),
    "ikHandle": ("transform", "kIkHandle"),
    "ikEffector": ("transform", "kIkEffector"),
    "constraint": ("transform", "kConstraint"),
    "parentConstraint": ("constraint", "kParentConstraint"),
    "pointConstraint": ("constraint", "kPointConstraint"),
    "orientConstraint": ("constraint", "kOrientConstraint"),
    "aimConstraint": ("constraint", "kAimConstraint"),
    "unknownTransform": ("transform", "kUnknownTransform"),
    "shape": ("dagNode", "kShape"),
    "camera": ("shape", "kCamera"),
    "geometryShape": ("shape", ""),
    "deformableShape": ("geometryShape", "kGeometric"),
    "controlPoint": ("deformableShape", ""),
    "surfaceShape": ("controlPoint", ""),
    "mesh": ("surfaceShape", "kMesh"),
    "nurbsSurface": ("surfaceShape", "kSurface kNurbsSurface"),
    "curveShape": ("controlPoint", "kCurve"),
    "nurbsCurve": ("curveShape", "kNurbsCurve"),
    "lattice": ("controlPoint", "kLattice"),
    "locator": ("geometryShape", "kLocator"),
    "light": ("shape", "kLight"),
    "renderLight": ("light", ""),
    "ambientLight": ("renderLight", "kAmbientLight"),
    "nonAmbientLightShapeNode": ("renderLight", "kNonAmbientLight"),
    "nonExtendedLightShapeNode": ("nonAmbientLightShapeNode", "kNonExtendedLight"),
    "directionalLight": ("nonExtendedLightShapeNode", "kDirectionalLight"),
    "pointLight": ("nonExtendedLightShapeNode", "kPointLight"),
    "spotLight": ("nonExtendedLightShapeNode", "kSpotLight"),
    "areaLight": ("nonExtendedLightShapeNode", "kAreaLight"),
    "volumeLight": ("pointLight", "kVolumeLight"),
    "unknownDag": ("dagNode", "kUnknownDag"),
    "objectSet": ("entity", "kSet"),
    "shadingEngine": ("objectSet", "kShadingEngine"),
    "displayLayer": ("entity", "kDisplayLayer"),
    "renderLayer": ("entity", "kRenderLayer"),
    "reference": ("entity", "kReference"),
    "shadingDependNode": ("node", ""),
    "lambert": ("shadingDependNode", "kLambert"),
    "reflect": ("lambert", "kReflect"),
    "blinn": ("reflect", "kBlinn"),
    "phong": ("reflect", "kPhong"),
    "surfaceShader": ("shadingDependNode", "kSurfaceShader"),
    "texture2d": ("shadingDependNode", "kTexture2d"),
    "file": ("texture2d", "kFileTexture"),
    "checker": ("texture2d", "kChecker"),
    "place2dTexture": ("shadingDependNode", "kPlace2dTexture"),
    "animCurve": ("node", "kAnimCurve"),
    "animCurveTA": ("animCurve", "kAnimCurveTimeToAngular"),
    "animCurveTL": ("animCurve", "kAnimCurveTimeToDistance"),
    "animCurveTT": ("animCurve", "kAnimCurveTimeToTime"),
    "animCurveTU": ("animCurve", "kAnimCurveTimeToUnitless"),
    "geometryFilter": ("node", "kGeometryFilt"),
    "skinCluster": ("geometryFilter", "kSkinClusterFilter"),
    "blendShape": ("geometryFilter", "kBlendShape"),
    "polyModifier": ("node", ""),
    "polyCreator": ("node", "kPolyCreator"),
    "polyCube": ("polyCreator", "kPolyCube"),
    "polySphere": ("polyCreator", "kPolySphere"),
    "polyPlane": ("polyCreator", "kPolyMesh"),
    "expression": ("node", "kExpression"),
    "script": ("node", "kScript"),
    "time": ("node", "kTime"),
    "renderGlobals": ("node", "kRenderGlobals"),
    "groupId": ("node", "kGroupId"),
    "multiplyDivide": ("shadingDependNode", "kMultiplyDivide"),
    "plusMinusAverage": ("shadingDependNode", "kPlusMinusAverage"),
    "unknown": ("node", "kUnknown"),
}
# Of MFn alone: no type of the table has them.
_OTHERS = "kInvalid kPlugin kPluginDependNode kPluginLocatorNode kPluginShape kPluginTransformNode"


def _lineage(name):
    while name is not None:
        yield name
        name = _TABLE[name][0]


# type → itself and everything that it is a kind of, itself first.
LINEAGE = {name: tuple(_lineage(name)) for name in _TABLE}
ANCESTORS = {name: frozenset(line) for name, line in LINEAGE.items()}

# Numbers of our own: Maya's differ from version to version, so only the names can be relied on.
MFN = {"kInvalid": 0}
for _names in (*(row[1] for row in _TABLE.values()), _OTHERS):
    for _name in _names.split():
        MFN.setdefault(_name, len(MFN))

# type → the numbers of MFn that it has, as MObject.hasFn tells them.
FUNCTIONS = {
    name: frozenset(MFN[fn] for kind in line for fn in _TABLE[kind][1].split())
    for name, line in LINEAGE.items()
}
# type → what MObject.apiTypeStr says: the last and narrowest of its names.
API_TYPE = {
    name: next(_TABLE[kind][1].split()[-1] for kind in line if _TABLE[kind][1])
    for name, line in LINEAGE.items()
}


def known(type_name):
    return type_name in _TABLE


def is_a(type_name, ancestor):
    return ancestor in ANCESTORS[type_name]


def is_dag(type_name):
    return "dagNode" in ANCESTORS[type_name]


def is_transform(type_name):
    return "transform" in ANCESTORS[type_name]


def is_shape(type_name):
    return is_dag(type_name) and not is_transform(type_name)
