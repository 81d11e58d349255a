"""The client's end of REST, for quick tests: JSON takes many times the time of gRPC."""

import base64
import json

import numpy as np
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from udl_tf.serving.remote import ServerError, refusal

RETRIED = Retry(  # not where an answer does not come in time
    total=4, read=0, backoff_factor=0.5, backoff_jitter=0.2, status_forcelist=[503], allowed_methods=None, raise_on_status=False
)


class RestTransport:
    """Calls of one model's signatures over REST; arguments as those of `udl_tf.serving.grpc_client.GrpcTransport`."""

    def __init__(self, address, model, version, timeout):
        self._address, self._timeout = address, timeout
        place = "" if version is None else f"/versions/{version}"
        self._url = f"http://{address}/v1/models/{requests.utils.quote(model, safe='')}{place}:predict"
        self._session = requests.Session()
        self._session.mount("http://", HTTPAdapter(max_retries=RETRIED))

    def call(self, signature, inputs):
        """Outputs by name, for inputs by name; floating point numbers come back as float64."""
        body = {"signature_name": signature, "inputs": {name: _plain(array) for name, array in inputs.items()}}
        try:
            response = self._session.post(self._url, data=json.dumps(body), timeout=self._timeout)
            answer = response.json()
        except requests.Timeout:
            raise ServerError(f"{self._address}: no answer within {self._timeout:g} s") from None
        except requests.JSONDecodeError:
            raise ServerError(
                f"{self._address}: status {response.status_code} and no JSON: expected a server of models"
            ) from None
        except requests.RequestException as error:
            raise ServerError(f"{self._address}: no server answers ({str(error)[:200]})") from None
        if response.status_code in (400, 404, 413):
            raise refusal(self._address, str(answer.get("error", "")))
        if response.status_code != 200:
            raise ServerError(f"{self._address}: status {response.status_code}: {str(answer.get('error', ''))[:500]}")
        outputs = answer["outputs"]
        outputs = outputs if isinstance(outputs, dict) else {"output": outputs}  # a single one comes without its name
        return {name: np.asarray(values) for name, values in outputs.items()}

    def close(self):
        """Give up the connections."""
        self._session.close()


def _plain(array):
    array = np.asarray(array)
    if array.dtype == object:
        return [{"b64": base64.b64encode(item).decode()} for item in array]
    return array.tolist()
