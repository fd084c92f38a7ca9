"""Train one variant: `python train.py --variant small …`"""

import sys

from launch import launch

if __name__ == "__main__":
    sys.exit(launch("train.py"))
