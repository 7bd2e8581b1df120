module redrive/deploy

go 1.26.0

replace redrive/pkg => ../pkg

replace redrive/api-service => ../api-service

replace redrive/dispatcher-service => ../dispatcher-service
