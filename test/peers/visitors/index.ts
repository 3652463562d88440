export { startVisitors, type Visitors, type VisitorsSite } from './start-visitors.ts';
