"""bare.py SECONDS: compares a right password by Django's own default hasher, one
comparison after the other, and prints how many nanoseconds each took."""

import sys
import time

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password

settings.configure()
encoded = make_password("correct horse battery 9")
end = time.monotonic() + float(sys.argv[1])
while True:
    began = time.perf_counter_ns()
    if not check_password("correct horse battery 9", encoded):
        sys.exit("the right password is wrong")
    print(time.perf_counter_ns() - began)
    if time.monotonic() >= end:
        break
