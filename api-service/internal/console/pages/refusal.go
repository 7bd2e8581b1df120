package pages

import (
	"net/http"

	"redrive/api-service/internal/console/web"
)

// Refused returns the refusal that an error is, to be shown beside the form that was refused. It returns any other error, such as that of a
// database that cannot be reached.
func Refused(err error) (*web.APIError, error) {
	failure := web.FailureOf(err)
	if failure == nil || failure.Status >= http.StatusInternalServerError {
		return nil, err
	}
	if failure.Reason() == web.KeyReused {
		return Refusal("This form was sent before, with other content. Nothing was changed. Send it again if it is meant."), nil
	}
	return failure, nil
}

// Refusal returns the refusal of a form that the console itself finds, without a call.
func Refusal(message string) *web.APIError {
	return &web.APIError{Status: http.StatusBadRequest, Message: message}
}
