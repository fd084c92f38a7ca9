"""The formats of `searches.formatting` in templates."""

from django import template

from nasportal.lib.installation import portal_version
from searches import formatting

register = template.Library()
register.filter(formatting.percent)
register.filter(formatting.scaled)
register.filter(formatting.figure)
register.filter(formatting.duration)
register.filter(formatting.shape)
register.filter(formatting.share)
register.simple_tag(portal_version)
register.filter(formatting.power_of_ten)
register.filter(formatting.thousandfold)
register.filter(formatting.entry)
register.filter(formatting.microseconds)
