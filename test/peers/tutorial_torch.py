"""The tutorial's network in PyTorch (1.13 or later), written from its description alone, and its
ways down. Shared by the scripts in test/peers and bench."""
import torch
import torch.nn.functional as F


class Tutorial(torch.nn.Module):
    """Takes (N,C,24,24), gives logits (N,classes)."""

    def __init__(self, channels=3, classes=10, first=64, second=64):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(channels, first, 5, padding=2)
        self.conv2 = torch.nn.Conv2d(first, second, 5, padding=2)
        self.conv3 = torch.nn.Conv2d(second, classes, 5, padding=2)

    def start(self):
        """First weights: truncated normal, standard deviation 0.01; biases 0.01."""
        for conv in (self.conv1, self.conv2, self.conv3):
            torch.nn.init.trunc_normal_(conv.weight, std=0.01, a=-0.02, b=0.02)
            torch.nn.init.constant_(conv.bias, 0.01)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return F.relu(self.conv3(x)).mean((2, 3))

    def up(self, x):
        """What the ways down need: both pooled layers with their switches."""
        p1, s1 = F.max_pool2d(F.relu(self.conv1(x)), 2, return_indices=True)
        p2, s2 = F.max_pool2d(F.relu(self.conv2(p1)), 2, return_indices=True)
        return p1, s1, p2, s2

    def deconv(self, z, conv, flip):
        """The adjoint of a convolution; flip: as a convolution with the kernel turned round."""
        z = z - conv.bias[:, None, None]
        if flip:
            return F.conv2d(z, conv.weight.flip(2, 3).transpose(0, 1), padding=2)
        return F.conv_transpose2d(z, conv.weight, padding=2)

    def down(self, p1, s1, p2, s2, flip=False):
        """The pictures of layer 1 and layer 2."""
        t1 = self.deconv(F.max_unpool2d(p1, s1, 2), self.conv1, flip)
        t2 = self.deconv(F.max_unpool2d(p2, s2, 2), self.conv2, flip)
        return t1, self.deconv(F.max_unpool2d(t2, s1, 2), self.conv1, flip)
