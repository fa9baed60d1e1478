"""
The stand-in kubelet: it runs pods as processes of this machine, with no runtime and no root.

Never here: adding anything to a pod that its spec does not ask for.
"""
