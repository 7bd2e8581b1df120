package endpoints

import (
	"net/http"

	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

// advice replaces messages of the API that are about its JSON or its headers.
var advice = map[string]string{
	"headers_required": "The new URL has another scheme, host or port. The stored headers were given for the URL before and may hold its secrets, so they are not sent to the new one. " +
		"Choose “Replace all headers”, and write the headers for the new URL, or leave the field empty to have none.",
	web.KeyReused: "This form was sent before with other values, and that had its effect. See the list of endpoints before you send it again.",
}

// refusal returns why the API has refused a form. It returns an error that is not about what the form says.
func refusal(err error) (*web.APIError, error) {
	failure := web.FailureOf(err)
	if failure == nil || failure.Status >= http.StatusInternalServerError {
		return nil, err
	}
	if text, known := advice[failure.Reason()]; known {
		return &web.APIError{Status: failure.Status, Message: text}, nil
	}
	return failure, nil
}

// invalid returns the failure for a form that could not be read.
func invalid(wrong []webhook.Detail) *web.APIError {
	return &web.APIError{Status: http.StatusBadRequest, Message: "The form has fields that cannot be read. Nothing was changed.", Details: wrong}
}
