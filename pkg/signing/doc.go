// Package signing signs and verifies webhooks according to Standard Webhooks (https://www.standardwebhooks.com). Receivers can use
// any of its libraries.
//
//	webhook-id:        the delivery's ID, the same over retries
//	webhook-timestamp: of this attempt, in Unix seconds
//	webhook-signature: v1,base64(HMAC-SHA256(key, id + "." + timestamp + "." + body))
//
// While a secret is rotated, the header has one signature for each live secret, separated by spaces. A receiver accepts the webhook if
// one of them is valid.
package signing
