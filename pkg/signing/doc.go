// Package signing signs and verifies webhooks as Standard Webhooks has it (https://www.standardwebhooks.com), so that
// receivers can use any of its libraries:
//
//	webhook-id:        the delivery's ID, the same over retries
//	webhook-timestamp: of this attempt, in Unix seconds
//	webhook-signature: v1,base64(HMAC-SHA256(key, id + "." + timestamp + "." + body))
//
// While a secret is being rotated the header carries one signature for each live secret, separated by spaces, and a
// receiver is content with the one it knows.
package signing
