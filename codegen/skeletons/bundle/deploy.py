"""Export, verify, measure or serve one variant: `python deploy.py --variant small …`"""

import sys

from launch import launch

if __name__ == "__main__":
    sys.exit(launch("deploy.py"))
