"""Classify with one variant: `python inference.py --variant small …`"""

import sys

from launch import launch

if __name__ == "__main__":
    sys.exit(launch("inference.py"))
