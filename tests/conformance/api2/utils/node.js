export * from 'published/node'
