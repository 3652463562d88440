export { startStockOhif, stockPathOf, type StockOhif } from './start-stock-ohif.ts';
