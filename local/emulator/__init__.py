"""Lambda on this machine: a pool of environments, each AWS's own Runtime Interface Emulator running the built artifact.

The emulator takes one invocation at a time. It panics on a second one, even if the client of the first has hung up, and
it reports an exception or a timeout as 200. Therefore each invocation leases an environment until the emulator itself
has answered, and the emulator's answers are translated into those that AWS sends.
https://github.com/aws/aws-lambda-runtime-interface-emulator
"""
