import os

from django.core.wsgi import get_wsgi_application

from bureau.web import timeouts

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bureau.settings")

application = get_wsgi_application()
timeouts.limit("web")
