import os

from django.core.asgi import get_asgi_application

from bureau.web import timeouts

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bureau.settings")

application = get_asgi_application()
timeouts.limit("web")
