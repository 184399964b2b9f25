"""Lambda on this machine: a pool of environments, each AWS's own Runtime Interface Emulator running the built artifact.

The emulator takes one invocation at a time and panics on a second, also after its first caller has hung up; it reports
an exception or a timeout as 200. So an environment is leased, the lease lasts until the emulator itself has answered,
and the answers are turned into what AWS sends.
https://github.com/aws/aws-lambda-runtime-interface-emulator
"""
