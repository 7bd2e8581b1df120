// Package resource has the API's resources as pages read them. The fields are those of the OpenAPI document. Fields that no page shows are
// left out. Numbers in published data are not decoded, so that they keep their digits.
package resource
