"""Published MAEs on RSNA's official test set (200 images, mean of six readings); months. Each was read in its source."""

from typing import NamedTuple


class Published(NamedTuple):
    method: str
    mae: str
    remark: str = ""


OFFICIAL_TEST = (
    Published("the paper's Final (Ma 2021)", "5.6", "300 px, 78M parameters"),
    Published("16Bit, the 2017 winner", "4.26", "500 px, about 123M parameters"),
    Published("Deeplasia (Rassmann 2024)", "3.87", "three EfficientNets, masked hands, mean of several views"),
    Published("ConvNeXt, five folds (Bram 2025)", "3.68", "ensemble"),
    Published("Attention Eraser (Shu and Yu 2025)", "4.42", "with measured sizes of bones"),
    Published("ConvNeXt-Tiny (nhattoan235, code)", "4.73", "512 px, 28M parameters, mean of five folds"),
    Published("EfficientNetV2-L (jonathancolledge, code)", "4.35", "tuned against this test set"),
    Published("the same, three networks", "3.67", "tuned against this test set"),
    Published("refine9, a small network (service)", "6.63", ""),
)
PAPER_VALIDATION_MAE = 7.21  # its Final, on RSNA's validation set
