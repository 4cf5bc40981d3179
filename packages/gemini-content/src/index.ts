export { readCompletion } from './completion.ts'
export { type EmbedCall, embedCall, embeddingParameters, readEmbeddings } from './embedding.ts'
export { googleFault } from './fault.ts'
export {
  imageContentBody,
  imagenBody,
  imageParameters,
  imageSplit,
  isImagen,
  readImageContent,
  readImagen,
} from './image.ts'
export { bareModel } from './model.ts'
export { chatParameters, generateContentBody } from './request.ts'
export { readChunks } from './stream.ts'
export type { Content, GenerateContentBody, Part } from './wire.ts'
