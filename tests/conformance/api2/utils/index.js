export * from 'published'

const absent = () => {
  throw new Error('not part of these tests')
}
export { absent as validateStoragePath, absent as validateStoragePathPrefix }
