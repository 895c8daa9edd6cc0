// Asks the other origin and shows what the page may read of the answer.
const api = location.origin.replace("localhost", "127.0.0.1");
const session = location.origin.replace("8080", "8081");

async function ask(button) {
  const [method, path] = button.dataset.ask.split(" ");
  const options = { method, headers: {} };
  if ("cookies" in button.dataset) {
    options.credentials = "include";
    options.headers["Content-Type"] = "application/json"; // so that the browser asks first
  } else {
    options.headers["X-API-Key"] = document.getElementById("key").value;
  }
  if (button.dataset.body) {
    options.headers["Content-Type"] = "application/json";
    options.body = button.dataset.body;
  }
  try {
    const response = await fetch(("cookies" in button.dataset ? session : api) + path, options);
    return `${response.status} ${response.headers.get("X-Request-Id") ?? ""}\n${await response.text()}`;
  } catch (error) {
    return `the browser refused: ${error.message}`;
  }
}

for (const button of document.querySelectorAll("button")) {
  button.addEventListener("click", async () => {
    document.getElementById("out").textContent = await ask(button);
  });
}
