"""`irsa status`: which pods should have a role and carry none, and how the webhook gets on."""

from datetime import UTC, datetime

from irsa.cli import options, session
from irsa.cli.render import console, status
from irsa.cli.render.console import Output
from irsa.errors import ProofError


def command(
    *,
    config: options.ConfigFile = options.DEFAULT_CONFIG,
    output: options.OutputFormat = Output.text,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """
    Show which running pods should have a role and carry none, and how the webhook gets on.

    Only the cluster is read, and nothing changed; no controller is needed for it.
    Also shown: ServiceAccounts whose role must not be given, the pods of webhook and controller,
    and when the certificates end. What you may not read is shown as unseen.
    Ends with 9 if a pod is without its role, a role is refused, or a part is not well.

    Example: `irsa status --output json`
    """
    from irsa.controller.overview import look
    from irsa.injection.settings import WebhookSettings

    settings = session.load(config)
    with session.open_kube(settings, kubeconfig=kubeconfig, context=context) as kube:
        overview = look(
            kube,
            WebhookSettings.of(settings),
            now=kube.now() or datetime.now(UTC),
            engine=settings.injection.engine == "webhook",
        )
    if output is Output.text:
        console.result(status.text(overview))
    else:
        console.data(status.data(overview), output)
    if overview.faults:
        raise ProofError(
            f"not everything is as it should be: {'; '.join(overview.faults)}",
            hint="restart what the pods belong to once the rest is well; the webhook's and the "
            "controller's logs say more",
        )
