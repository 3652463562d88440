export {
  type DrimboxPeer,
  type ImageAnswer,
  type ImageRequest,
  startDrimbox,
  type TrustedSite,
} from './start-drimbox.ts';
