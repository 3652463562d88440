export { type AlertChannel, ChannelName } from './channel.ts';
export type { AlertingSite, RemedyOf } from './digest.ts';
export { type ChannelPorts, createChannels, type Notification, startNotification } from './notification.ts';
export { type AlertsOptions, alertsOptions } from './options.ts';
export type { RoundPorts } from './rounds.ts';
export type { WebhookAlert, WebhookBody } from './webhook-body.ts';
