/** Answers that a test ordered instead of the right ones. */
import type { ServerResponse } from 'node:http';
import type { FaultOrder } from './fault-orders.ts';

const send = (response: ServerResponse, status: number, type: string, body: string): true => {
  response.writeHead(status, { 'content-type': type });
  response.end(body);
  return true;
};

/** @returns true when it answered; false when the request goes on */
export const answerFault = (order: FaultOrder, response: ServerResponse): boolean => {
  switch (order.kind) {
    case 'slow':
    case 'inactive':
    case 'other-issuer':
    case 'other-subject':
      return false;
    case 'error':
      return send(response, order.status ?? 500, 'text/plain', 'EXEMPLE');
    case 'nonsense':
      return send(response, 200, 'text/html', '<html><body>Portail captif EXEMPLE</body></html>');
    case 'nonsense-json':
      return send(response, 200, 'application/json', JSON.stringify(order.body ?? { active: 'yes', keys: 'none' }));
    case 'huge':
      return send(response, 200, 'application/json', `{"active":true,"padding":"${'x'.repeat(4 * 1024 * 1024)}"}`);
    case 'cut':
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"active":');
      setTimeout(() => response.destroy(), 20);
      return true;
    case 'redirect':
      response.writeHead(302, { location: 'https://127.0.0.1:1/ailleurs' });
      response.end();
      return true;
    case 'refuse-client':
      return send(response, 401, 'application/json', '{"error":"invalid_client"}');
  }
};
