export { startVisitors, type Visitors, type VisitorsSite } from './start-visitors.ts';
export { fieldsOf, type VisitAnswer, type VisitRequest, type VisitService, Visitor } from './visitor.ts';
export { askHttp2, sendRaw } from './other-transports.ts';
