"""
Pods that call the API server with the token that kubelet gave them, and tell what it answered.

Never here: what goes on meanwhile.
"""

from dataclasses import dataclass
from itertools import pairwise

from tests.e2e.node import images

from irsa.kube.client import Kube
from irsa.kube.objects import Object

NAMESPACE = "callers"
LASTING = "lasting"
ACCEPTED = "200"
REJECTED = "401"
_WORTH_TELLING = 3.0
# The token is read once: what becomes of it, and not of its successor, is to be seen.
_SCRIPT = """\
import base64, http.client, json, os, ssl, sys, time, urllib.error, urllib.request

place = "/var/run/secrets/kubernetes.io/serviceaccount"
token = open(f"{place}/token").read()
claims = token.split(".")[1]
claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
print(claims["iss"], flush=True)
began = time.monotonic()
url = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}/api"
request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
trusted = ssl.create_default_context(cafile=f"{place}/ca.crt")
while True:
    try:
        with urllib.request.urlopen(request, context=trusted, timeout=10) as answer:
            said = answer.status
    except urllib.error.HTTPError as error:
        said = error.code
    except (OSError, http.client.HTTPException):
        said = "nothing"
    print(f"{time.monotonic() - began:.1f}", said, flush=True)
    if said == 200 and sys.argv[1:] != ["lasting"]:
        break
    time.sleep(1)
"""


def namespace() -> Object:
    """Where they live."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}


def pod(name: str) -> Object:
    """One that ends with the first call that is answered well; the lasting one goes on."""
    container = {
        "name": "caller",
        "image": images.BASE,
        "command": ["python3", "-c", _SCRIPT, *([LASTING] if name == LASTING else [])],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
        },
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """
    What one pod tells.

    Args:
        issuer: Of its token.
        answers: The statuses that it got, with the seconds since its start.
    """

    issuer: str
    answers: tuple[tuple[float, str], ...]

    @property
    def is_accepted(self) -> bool:
        """Whether the last call was answered well."""
        return bool(self.answers) and self.answers[-1][1] == ACCEPTED

    @property
    def is_refused(self) -> bool:
        """Whether the token was ever refused."""
        return any(said == REJECTED for _, said in self.answers)

    @property
    def silences(self) -> list[float]:
        """The times between two calls that were answered well, if they are worth telling."""
        times = [when for when, said in self.answers if said == ACCEPTED]
        gaps = [after - before for before, after in pairwise(times)]
        return [gap for gap in gaps if gap >= _WORTH_TELLING]


def listen(kube: Kube, name: str) -> Heard:
    """What a pod has told so far."""
    log = kube.raw(f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/log").decode()
    issuer, *lines = log.splitlines() or [""]
    answers = ((float(when), said) for when, said in (line.split() for line in lines))
    return Heard(issuer=issuer, answers=tuple(answers))
