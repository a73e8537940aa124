"""The letter in Django's own terms, for those peers that render with Django's templates."""

import resource
from collections.abc import Iterator

from django.core.mail import EmailMultiAlternatives
from django.template import Context, Engine, Template

from bench import content


def compiled() -> dict[str, Template]:
    """The three templates, compiled once."""
    engine = Engine()
    words = content.words(content.DJANGO)
    return {part: Template(said, engine=engine) for part, said in words.items()}


def written(numbers: range) -> Iterator[EmailMultiAlternatives]:
    """A letter for each person."""
    templates = compiled()
    for number in numbers:
        context = Context(content.context(number))
        said = {part: template.render(context) for part, template in templates.items()}
        letter = EmailMultiAlternatives(
            said["subject"], said["text"], content.SENDER, [content.address(number)]
        )
        letter.attach_alternative(said["body"], "text/html")
        yield letter


def cpu_seconds() -> float:
    """What this process and its children that ended have spent."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)
