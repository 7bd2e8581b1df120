package httpapi

import (
	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

// parametersOf returns the query as filters.
func parametersOf(c echo.Context) webhook.Parameters {
	query := queryOf(c)
	values := make(map[string]string, len(query))
	for name := range query {
		values[name] = query.Get(name)
	}
	return webhook.Parameters{Values: values}
}

// eventFilter parses the filters that are about an event.
func eventFilter(c echo.Context) (webhook.EventFilter, error) {
	return webhook.ParseEventFilter(caller(c).OrganizationID, parametersOf(c))
}

// deliveryFilter parses the filters of the list of deliveries.
func deliveryFilter(c echo.Context) (webhook.DeliveryFilter, error) {
	return webhook.ParseDeliveryFilter(caller(c).OrganizationID, parametersOf(c))
}
