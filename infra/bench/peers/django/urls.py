"""The login that is measured, and what the driver needs to prepare users.

Only the driver knows the port, which is one of 127.0.0.1, and the secret.
"""

import os

from axes.utils import reset
from backend import compared
from django.contrib.auth import authenticate, get_user_model, login
from django.http import HttpResponseForbidden, JsonResponse
from django.urls import path


def health(request):
    return JsonResponse({"status": "ok"})


def log_in(request):
    name = request.POST.get("username")
    user = authenticate(request, username=name, password=request.POST.get("password"))
    if user is None:  # AxesMiddleware answers instead where the user is locked
        return JsonResponse({"error": "invalid credentials"}, status=401)
    login(request, user)
    return JsonResponse({"username": user.get_username()})


def drivers(view):
    """Lets nobody but the driver in."""

    def guarded(request):
        if request.headers.get("X-Peers-Secret") != os.environ["PEERS_SECRET"]:
            return HttpResponseForbidden()
        return JsonResponse(view(request))

    return guarded


@drivers
def create(request):
    get_user_model().objects.create_user(request.POST["username"], password=request.POST["password"])
    return {}


@drivers
def unlock(request):
    return {"removed": reset(username=request.POST["username"])}


@drivers
def count(request):
    return {"compared": compared(request.POST["username"])}


urlpatterns = [
    path("health", health),
    path("login", log_in),
    path("driver/create", create),
    path("driver/unlock", unlock),
    path("driver/compared", count),
]
