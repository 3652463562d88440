export { type Admission, type AdmissionOptions, createAdmission } from './admission-limits.ts';
export { type AnswerWriter, createAnswerWriter } from './answer-writer.ts';
export { cutAnswer, hasLeft } from './departure.ts';
export { PayloadForm } from './acceptable-syntaxes.ts';
export { type Accept, type AcceptRange, parseAccept } from './accept-header.ts';
export {
  type Boundary,
  buildMultipartContentType,
  buildPartContentType,
  drawBoundary,
  encodeMultipartEnd,
  encodePartHead,
  type PartHead,
} from './multipart.ts';
export {
  type AnswerPlan,
  buildNotAcceptableBody,
  buildPartialWarning,
  type ChosenPart,
  chooseForAnswer,
  chooseMetadataType,
  type MetadataPlan,
  type ServedChoice,
} from './negotiation.ts';
export {
  parseResource,
  parseRetrieveHeaders,
  RetrieveLevel,
  type RetrieveHeaders,
  type RetrieveResource,
} from './retrieve-request.ts';
export { chooseSyntax, type NegotiablePart, type SyntaxChoice } from './syntax-choice.ts';
export type { ImageStore, StoredImage, Workshop } from './image-store.ts';
export { createImageServing, type ImageServingPorts } from './image-serving.ts';
export { startWadoListener, type ListenerPorts, type WadoListener } from './listener.ts';
export { buildMetadata, type JsonAttribute, type JsonDataset } from './metadata.ts';
export { createMetadataServing } from './metadata-serving.ts';
export { type WadoOptions, wadoOptions } from './options.ts';
export { prepareInOrder } from './ordered-ahead.ts';
export { createOrthancImages } from './orthanc-images.ts';
export { openRenditions, type RenditionService, type RenditionServicePorts } from './rendition-service.ts';
export { createWorkshop, type WorkshopPorts } from './rendition-workshop.ts';
export {
  createRetrieveService,
  type Gate,
  type KnownPeer,
  type KnownProfessional,
  type RetrievePorts,
  type Verdict,
} from './retrieve.ts';
