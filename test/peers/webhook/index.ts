export { isSignedBy, type ReceivedPost, startWebhook, type Webhook, type WebhookAnswer } from './start-webhook.ts';
