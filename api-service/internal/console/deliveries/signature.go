package deliveries

import (
	"strconv"
	"strings"
	"time"

	"redrive/api-service/internal/console/web"
	"redrive/api-service/internal/console/web/body"
	"redrive/pkg/signing"
	"redrive/pkg/webhook"
)

// signature is the check of the signature of the last request.
type signature struct {
	// Timestamp is the value of webhook-timestamp. It is empty if nothing was sent yet.
	Timestamp string
	// Signed is the beginning of the signed text: id, timestamp and body with dots between them.
	Signed body.Body
	// Recomputed are the signatures of the stored body with each secret that signs now, the current one first.
	Recomputed []string
	// Recorded is the header webhook-signature as it was sent.
	Recorded string
	// RecordedMatches says that Recorded has one of Recomputed.
	RecordedMatches bool
	// Pasted is the header that the viewer compares, and PastedMatches the result.
	Pasted        string
	PastedMatches bool
}

// check computes the signatures of what was sent last. The secrets leave this function only as signatures.
func (p handlers) check(q *web.Request, v oneView) (signature, error) {
	s := signature{Timestamp: v.Exchange.header("webhook-timestamp"), Recorded: v.Exchange.header("webhook-signature"), Pasted: q.Query("signature")}
	seconds, err := strconv.ParseInt(s.Timestamp, 10, 64)
	if err != nil || q.Query("check") == "" {
		return signature{Timestamp: s.Timestamp}, nil
	}
	ctx, cancel := q.Timed()
	defer cancel()
	record, release, err := p.record(ctx, q.Organization.ID, v.Delivery.ID)
	if err != nil {
		return s, err
	}
	defer release()
	sent, err := p.sentBody(ctx, record)
	if err != nil {
		return s, err
	}
	endpoint, err := p.endpoint(ctx, record.Delivery.EndpointID)
	if err != nil {
		return s, err
	}
	at := time.Unix(seconds, 0)
	if s.Recomputed, err = signatures(v.Delivery.ID, at, sent, endpoint.LiveSecrets(webhook.Now())); err != nil {
		return s, err
	}
	s.Signed = body.Of(append([]byte(v.Delivery.ID+"."+s.Timestamp+"."), sent...))
	s.RecordedMatches, s.PastedMatches = matches(s.Recorded, s.Recomputed), matches(s.Pasted, s.Recomputed)
	return s, nil
}

// signatures returns one signature for each secret.
func signatures(id string, at time.Time, sent []byte, secrets []webhook.Secret) ([]string, error) {
	made := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		key, err := signing.Parse(secret.Reveal())
		if err != nil {
			return nil, err
		}
		one, err := signing.Sign(id, at, sent, key)
		if err != nil {
			return nil, err
		}
		made = append(made, one)
	}
	return made, nil
}

// matches reports whether a header, which may have several signatures, has one of these.
func matches(header string, computed []string) bool {
	for given := range strings.FieldsSeq(header) {
		for _, one := range computed {
			if given == one {
				return true
			}
		}
	}
	return false
}
