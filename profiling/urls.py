"""Pages of profiling, and what agents ask."""

from django.urls import URLPattern, URLResolver, path

from profiling import agent_views, device_views, views

app_name = "profiling"
urlpatterns: list[URLPattern | URLResolver] = [
    path("targets/", views.hardware, name="targets"),
    path("devices/", device_views.devices, name="devices"),
    path("devices/<int:device>/", device_views.device, name="device"),
    path("devices/<int:device>/<str:action>/", device_views.act, name="device-act"),
    path("agent/nasportal_agent.py", agent_views.program, name="agent"),
    path("agent/pair/", agent_views.pair, name="agent-pair"),
    path("agent/poll/", agent_views.poll, name="agent-poll"),
    path("agent/reference.onnx", agent_views.reference, name="agent-reference"),
    path("agent/jobs/<int:job>/model.onnx", agent_views.model, name="agent-model"),
    path("agent/jobs/<int:job>/result/", agent_views.result, name="agent-result"),
]
