"""boneage-search: families of networks, each a table of layers in a file of its own. A new one is a file and a line here."""

from models.families.densenet121 import DENSENET121
from models.families.efficientnet_b0 import EFFICIENTNET_B0
from models.families.family import Family
from models.families.inception_resnet_v2 import INCEPTION_RESNET_V2
from models.families.inception_v3 import INCEPTION_V3
from models.families.resnet50 import RESNET50
from models.families.xception import XCEPTION

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (INCEPTION_V3, XCEPTION, DENSENET121, INCEPTION_RESNET_V2, RESNET50, EFFICIENTNET_B0)
}
