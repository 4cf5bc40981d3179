/** What is wrong with a document: the rest of a sentence that begins with it. */
export class DocumentFault extends Error {
  override readonly name = 'DocumentFault'
}
