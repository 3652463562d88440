/** OHIF as published, before Orthanc's DICOMweb plugin. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { StockOrder } from './stock-thread.ts';

export interface StockOhif {
  readonly port: number;
  stop(): Promise<void>;
}

export const startStockOhif = async (order: StockOrder): Promise<StockOhif> => {
  const worker = new Worker(new URL('./stock-thread.ts', import.meta.url), { workerData: order });
  const [{ port }] = (await once(worker, 'message')) as [{ port: number }];
  return {
    port,
    stop: async () => {
      await worker.terminate();
    },
  };
};

/** Where `startStockOhif` shows a study. */
export const stockPathOf = (studyInstanceUid: string): string => `/viewer?StudyInstanceUIDs=${studyInstanceUid}`;
