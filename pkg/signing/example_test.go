package signing_test

import (
	"fmt"
	"net/http"
	"time"

	"redrive/pkg/signing"
)

// A sender signs the body, and the receiver verifies it with the same secret.
func Example() {
	key, err := signing.Parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		panic(err)
	}
	sentAt := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	body := []byte(`{"type":"run.finished"}`)
	signature, err := signing.Sign("dlv_1", sentAt, body, key)
	if err != nil {
		panic(err)
	}
	header := http.Header{}
	header.Set(signing.HeaderID, "dlv_1")
	header.Set(signing.HeaderTimestamp, fmt.Sprint(sentAt.Unix()))
	header.Set(signing.HeaderSignature, signature)

	receivedAt := sentAt.Add(time.Second)
	fmt.Println(signing.Verify(header, body, receivedAt, signing.DefaultTolerance, key))
	fmt.Println(signing.Verify(header, []byte(`{"type":"run.failed"}`), receivedAt, signing.DefaultTolerance, key) != nil)
	// Output:
	// <nil>
	// true
}
