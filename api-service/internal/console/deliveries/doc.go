// Package deliveries has the pages of deliveries: the list with its filters, and one delivery with its explanation, attempts, bodies and
// signatures.
package deliveries
