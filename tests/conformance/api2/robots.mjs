// Prints the robots that Transloadit's own client has a schema for, hidden ones too: argv[2] is the package's folder.
const { robotsWithHiddenBotsSchema } = await import(`${process.argv[2]}/dist/alphalib/types/robots/_index.js`)
const names = robotsWithHiddenBotsSchema.options.map((option) => option.shape.robot.value)
process.stdout.write(JSON.stringify(names))
