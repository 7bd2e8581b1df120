const url = "https://redrive.example.com/v1/execution-webhooks/deliveries/dlv_01M7WV53ZTT50ZVB4VGFWDTC7B/retry";

const response = await fetch(url, {
  method: 'POST',
  headers: {
    "Authorization": "Bearer YOUR_API_KEY"
  }
});

console.log(await response.text());
