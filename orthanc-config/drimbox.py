"""
Hook of the DRIMbox inside Orthanc, for Orthanc's Python plugin (4.0 and later). Standard library only.

It tells the sidecar what changed, relays /drimbox/... to it, and shows the DRIM-M status in Orthanc Explorer.
It decides nothing, keeps nothing, and whatever happens to the sidecar it delays neither storing nor stopping:
a change is put in a bounded queue, one thread sends, every call has a short time-out. What is lost, the sweep finds.

Configuration, in Orthanc's own files:
    "DrimBox": { "Orthanc": { "Hook": { "Host": "127.0.0.1", "Port": 8077, "SecretFile": "/etc/drimbox/hook-secret" } } }
"""

import base64
import collections
import http.client
import json
import socket
import threading
import time
import urllib.parse
import uuid

import orthanc

HOOK_VERSION = 1
MAX_PENDING = 10000
# The last places are kept from instances: deleting a patient tells of every instance first, of the study last.
MAX_PENDING_INSTANCES = 8000
MAX_BATCH = 500
POST_TIMEOUT_S = 1.5
# Between two batches: a series that comes in is one hint now and then, not one for each image.
PAUSE_S = 0.25
# A failed batch is tried again, less and less often.
RETRY_AFTER_S = (1, 2, 5, 10, 30)
STOP_WAIT_S = 3
RELAY_TIMEOUT_S = 8
MAX_RELAYED_BYTES = 16 * 1024 * 1024
# Where the mark of this database is kept; plugins own the numbers from 1024.
DATABASE_MARK_PROPERTY = 7713
RELAYED_REQUEST_HEADERS = ('content-type', 'accept', 'accept-language', 'if-none-match', 'origin', 'x-csrf-token')
RELAYED_ANSWER_HEADERS = ('cache-control', 'content-disposition', 'etag', 'content-security-policy',
                          'x-content-type-options', 'referrer-policy')
# What may stand in a query without being escaped again.
ESCAPED = "%+/-._~!$'()*,;:@"


class Settings:
    def __init__(self):
        configuration = json.loads(orthanc.GetConfiguration())
        section = configuration.get('DrimBox', {})
        hook = section.get('Orthanc', {}).get('Hook', {})
        self.host = str(hook.get('Host', '127.0.0.1'))
        self.port = int(hook.get('Port', 8077))
        self.secret_file = hook.get('SecretFile')
        if not self.secret_file:
            raise ValueError('DrimBox.Orthanc.Hook.SecretFile is missing')
        # A name in a request is worth something only when Orthanc itself has checked the password.
        self.checks_passwords = configuration.get('AuthenticationEnabled') is True

    def secret(self):
        with open(self.secret_file, encoding='utf-8') as file:
            return file.read().strip()


def call_sidecar(settings, method, path, body, headers, timeout_s):
    """One request on a connection of its own. Answers (status, headers in small letters, body)."""
    deadline = time.monotonic() + timeout_s
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=timeout_s)
    try:
        connection.request(method, path, body=body, headers=dict(headers, **{'X-Drimbox-Secret': settings.secret()}))
        answer = connection.getresponse()
        chunks, length = [], 0
        while True:
            # The time-out of a socket is for one read: a sidecar that trickles would hold us for ever.
            left = deadline - time.monotonic()
            if left <= 0:
                raise socket.timeout('too slow')
            if connection.sock is not None:
                connection.sock.settimeout(left)
            chunk = answer.read1(65536)
            if not chunk:
                break
            chunks.append(chunk)
            length += len(chunk)
            if length > MAX_RELAYED_BYTES:
                raise ValueError('answer too long')
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, b''.join(chunks)
    finally:
        connection.close()


class DatabaseMark:
    """Drawn once and kept in Orthanc's database: another database has another one, an emptied one has none."""

    def __init__(self):
        self.lock = threading.Lock()
        self.known = None
        self.warned = False

    def read(self):
        """None when the database cannot be asked; it is asked again the next time. Not before Orthanc has opened it."""
        with self.lock:
            if self.known is None:
                try:
                    mark = orthanc.GetGlobalProperty(DATABASE_MARK_PROPERTY, '')
                    if not mark:
                        mark = str(uuid.uuid4())
                        orthanc.SetGlobalProperty(DATABASE_MARK_PROPERTY, mark)
                    self.known = mark
                except Exception as error:
                    if not self.warned:
                        orthanc.LogWarning('DRIMbox: this database cannot be marked (%s)' % type(error).__name__)
                    self.warned = True
            return self.known


class ChangeSender:
    """A bounded queue in which a change stands once, and the one thread that empties it."""

    def __init__(self, settings):
        self.settings = settings
        self.condition = threading.Condition()
        self.pending = collections.OrderedDict()
        self.dropped = 0
        self.sent = 0
        self.failures = 0
        self.stopping = False
        # One batch is due at the start, even without a change: the sidecar learns at once of a restart and of the mark.
        self.announcing = False
        self.mark = DatabaseMark()
        self.thread = threading.Thread(target=self.run, name='drimbox', daemon=True)

    def put(self, change, level, orthanc_id):
        now_ms = int(time.time() * 1000)
        with self.condition:
            key = (change, level, orthanc_id)
            limit = MAX_PENDING_INSTANCES if level == 'instance' else MAX_PENDING
            if key not in self.pending and len(self.pending) >= limit:
                self.dropped += 1
                return
            # The last time counts, the first place in the queue is kept.
            self.pending[key] = now_ms
            self.condition.notify()

    def start(self):
        self.announcing = True
        self.thread.start()

    def take(self):
        with self.condition:
            while not self.pending and not self.announcing and not self.stopping:
                self.condition.wait()
            batch = []
            while self.pending and len(batch) < MAX_BATCH:
                key, at_ms = self.pending.popitem(last=False)
                batch.append((key, at_ms))
            return batch, self.dropped

    def give_back(self, batch):
        with self.condition:
            for key, at_ms in reversed(batch):
                if key in self.pending:
                    continue
                if len(self.pending) >= MAX_PENDING:
                    self.dropped += 1
                    continue
                self.pending[key] = at_ms
                self.pending.move_to_end(key, last=False)

    def send(self, batch, dropped):
        body = json.dumps({
            'hook': HOOK_VERSION,
            'database': self.mark.read(),
            'started': self.announcing,
            'dropped': dropped,
            'changes': [{'change': change, 'level': level, 'orthancId': orthanc_id, 'atUtcMs': at_ms}
                        for (change, level, orthanc_id), at_ms in batch],
        }).encode('utf-8')
        status, _, _ = call_sidecar(self.settings, 'POST', '/hook/changes', body,
                                    {'Content-Type': 'application/json'}, POST_TIMEOUT_S)
        if status not in (200, 204):
            raise ConnectionError('the sidecar answered %d' % status)

    def run(self):
        while True:
            batch, dropped = self.take()
            if not batch and not self.announcing:
                return
            try:
                self.send(batch, dropped)
                with self.condition:
                    self.dropped -= dropped
                    self.announcing = False
                self.sent += len(batch)
                if self.failures > 0:
                    self.failures = 0
                    orthanc.LogWarning('DRIMbox: the sidecar answers again')
                self.rest(PAUSE_S)
            except Exception as error:
                self.give_back(batch)
                self.failures += 1
                if self.failures == 1:
                    orthanc.LogWarning('DRIMbox: the sidecar does not take changes (%s); trying again' % type(error).__name__)
                self.rest(RETRY_AFTER_S[min(self.failures, len(RETRY_AFTER_S)) - 1])
                if self.stopping:
                    return

    def rest(self, delay_s):
        with self.condition:
            self.condition.wait_for(lambda: self.stopping, delay_s)

    def stop(self):
        with self.condition:
            self.stopping = True
            self.condition.notify_all()
        if self.thread.is_alive():
            self.thread.join(STOP_WAIT_S)


LEVELS = {
    orthanc.ResourceType.PATIENT: 'patient',
    orthanc.ResourceType.STUDY: 'study',
    orthanc.ResourceType.SERIES: 'series',
    orthanc.ResourceType.INSTANCE: 'instance',
}


def name_change(change_type, level):
    """What the sidecar is told of a change of Orthanc, or None."""
    # Orthanc tells of every stored instance at the level of its study too: this one is enough, and it coalesces.
    if level == orthanc.ResourceType.STUDY and change_type in (orthanc.ChangeType.NEW_STUDY,
                                                               orthanc.ChangeType.NEW_CHILD_INSTANCE):
        return 'stored'
    if change_type == orthanc.ChangeType.DELETED:
        return 'deleted'
    return None


def send_answer(output, status, headers, body):
    content_type = headers.get('content-type', 'application/json')
    for name in RELAYED_ANSWER_HEADERS:
        if name in headers:
            output.SetHttpHeader(name.title(), headers[name])
    if status == 200:
        output.AnswerBuffer(body, content_type)
    elif status == 405:
        # Orthanc takes this status by a call of its own only, and without a body.
        output.SendMethodNotAllowed(headers.get('allow', 'GET,POST'))
    elif not body:
        output.SendHttpStatusCode(status)
    else:
        try:
            # Python plugin 5.0; it adds a type of its own, and a second one would be sent beside it.
            output.SendHttpStatus(status, body)
        except TypeError:
            # 4.0: text and its length in bytes.
            output.SetHttpHeader('Content-Type', content_type)
            output.SendHttpStatus(status, body.decode('utf-8', 'replace'), len(body))


def send_error(output, status, code, message):
    body = json.dumps({'code': code, 'message': message}).encode('ascii')
    send_answer(output, status, {'content-type': 'application/json'}, body)


def user_of(settings, headers):
    if not settings.checks_passwords:
        return None
    kind, _, credentials = headers.get('authorization', '').partition(' ')
    if kind.lower() != 'basic':
        return None
    try:
        return base64.b64decode(credentials, validate=True).decode('utf-8').partition(':')[0] or None
    except ValueError:
        return None


def relay(settings, output, uri, request):
    """/drimbox/... of Orthanc's REST API, answered by the sidecar."""
    method = request.get('method', 'GET')
    headers = {name.lower(): value for name, value in request.get('headers', {}).items()}
    if method not in ('GET', 'POST'):
        output.SendMethodNotAllowed('GET,POST')
        return
    # Built from scratch: what a browser sends never passes for what Orthanc says.
    relayed = {name.title(): headers[name] for name in RELAYED_REQUEST_HEADERS if name in headers}
    user = user_of(settings, headers)
    if user is not None:
        relayed['X-Drimbox-User'] = urllib.parse.quote(user, safe='')
    body = request.get('body')
    if isinstance(body, str):
        body = body.encode('utf-8')
    # What the page was loaded from, as the browser names it: behind a proxy, Host may be an address inside.
    host = headers.get('x-forwarded-host', '').partition(',')[0].strip() or headers.get('host', '')
    if host:
        relayed['X-Drimbox-Host'] = host
    path = '/hook/rest/' + urllib.parse.quote(uri[len('/drimbox/'):], safe="/-._~!$'()*,;:@")
    if request.get('get'):
        # Orthanc gives names and values as they came, escapes and all.
        escaped = ['%s=%s' % (urllib.parse.quote(name, safe=ESCAPED), urllib.parse.quote(value, safe=ESCAPED))
                   for name, value in request['get'].items()]
        path += '?' + '&'.join(escaped)
    try:
        status, answer_headers, answer = call_sidecar(settings, method, path, body if method == 'POST' else None,
                                                      relayed, RELAY_TIMEOUT_S)
        if status in (301, 401):
            # It does not know our secret, or is no sidecar; Orthanc could not send these on, and a browser must not obey them.
            raise ValueError('answer %d' % status)
    except socket.timeout:
        send_error(output, 504, 'orthanc/sidecar-timeout', 'Le service DRIMbox n\u2019a pas répondu à temps.')
        return
    except ConnectionError:
        send_error(output, 503, 'orthanc/sidecar-unreachable', 'Le service DRIMbox ne répond pas.')
        return
    except Exception as error:
        orthanc.LogWarning('DRIMbox: a relayed call failed (%s)' % type(error).__name__)
        send_error(output, 502, 'orthanc/sidecar-failed', 'Le service DRIMbox a donné une réponse inattendue.')
        return
    send_answer(output, status, answer_headers, answer)


EXPLORER_SCRIPT = r'''
(function () {
  'use strict';
  // Under the title of a study: what the DRIMbox knows of it, what to do, and a button to look again. Text only, never HTML.
  var REFRESH_MS = 1500;
  var MAX_REFRESHES = 8;
  var NO_USER = 'R\u00e9examiner demande un utilisateur dont Orthanc v\u00e9rifie le mot de passe (AuthenticationEnabled).';

  function add(parent, tag, name) {
    var element = document.createElement(tag);
    element.className = name;
    parent.appendChild(element);
    return element;
  }

  function boxOf(page) {
    if (page.drimbox) return page.drimbox;
    var content = page.querySelector('[data-role="content"], [role="main"], .ui-content');
    if (content === null) return null;
    var box = document.createElement('div');
    box.style.margin = '0.5em 1em';
    content.insertBefore(box, content.firstChild);
    var line = add(box, 'p', 'drimbox-status');
    line.setAttribute('role', 'status');
    var remedy = add(box, 'p', 'drimbox-remedy');
    var button = add(box, 'button', 'drimbox-reconcile');
    button.type = 'button';
    button.setAttribute('data-role', 'none');
    button.textContent = 'R\u00e9examiner';
    var note = add(box, 'p', 'drimbox-note');
    page.drimbox = { box: box, line: line, remedy: remedy, button: button, note: note };
    return page.drimbox;
  }

  function write(element, text) {
    element.textContent = text.slice(0, 600);
    element.style.display = text === '' ? 'none' : '';
  }

  function isShown(id) {
    return ($.mobile.pageData || {}).uuid === id;
  }

  function ask(method, path, token) {
    return $.ajax({
      url: '../drimbox/' + path, type: method, dataType: 'json', cache: false, timeout: 10000,
      headers: token === undefined ? {} : { 'X-CSRF-Token': token }
    });
  }

  function textOf(answer, name) {
    return answer && typeof answer[name] === 'string' ? answer[name] : '';
  }

  function messageOf(request) {
    try {
      return textOf(JSON.parse(request.responseText), 'message') || 'service indisponible';
    } catch (error) {
      return 'service indisponible';
    }
  }

  function show(ui, id, refreshes) {
    ask('GET', 'studies/' + id + '/status')
      .done(function (answer) {
        if (!isShown(id)) return;
        var mayAct = Array.isArray(answer.actions) && answer.actions.indexOf('reconcile') !== -1;
        var again = answer.isPending === true && refreshes > 0;
        write(ui.line, 'DRIM-M\u00a0: ' + (textOf(answer, 'text') || '\u00e9tat inconnu'));
        write(ui.remedy, textOf(answer, 'remedy') === '' ? '' : '\u00c0 faire\u00a0: ' + answer.remedy);
        write(ui.note, again ? 'R\u00e9examen en cours\u2026' : mayAct ? '' : NO_USER);
        ui.button.style.display = '';
        ui.button.disabled = again || !mayAct;
        if (again) setTimeout(function () { if (isShown(id)) show(ui, id, refreshes - 1); }, REFRESH_MS);
      })
      .fail(function (request) {
        if (!isShown(id)) return;
        write(ui.line, request.status === 404 ? '' : 'DRIM-M\u00a0: service indisponible');
        write(ui.remedy, '');
        write(ui.note, '');
        ui.button.style.display = 'none';
      });
  }

  function reconcile(ui, id) {
    function refuse(request) {
      if (!isShown(id)) return;
      ui.button.disabled = false;
      write(ui.note, 'R\u00e9examen non demand\u00e9\u00a0: ' + messageOf(request));
    }
    ui.button.disabled = true;
    write(ui.note, 'R\u00e9examen en cours\u2026');
    ask('GET', 'csrf-token').fail(refuse).done(function (answer) {
      ask('POST', 'studies/' + id + '/reconcile', textOf(answer, 'token')).fail(refuse).done(function () {
        if (isShown(id)) show(ui, id, MAX_REFRESHES);
      });
    });
  }

  $(document).on('pageshow', '#study', function () {
    var id = ($.mobile.pageData || {}).uuid;
    var ui = boxOf(this);
    if (ui === null) return;
    write(ui.remedy, '');
    write(ui.note, '');
    ui.button.style.display = 'none';
    var isStudy = /^[0-9a-f]{8}(-[0-9a-f]{8}){4}$/.test(id);
    write(ui.line, isStudy ? 'DRIM-M\u00a0: \u2026' : '');
    ui.button.onclick = function () { reconcile(ui, id); };
    if (isStudy) show(ui, id, MAX_REFRESHES);
  });
})();
'''


# The plugin (5.0) takes no reference on a callback: one that only it knows is freed, and Orthanc crashes when it stops.
CALLBACKS = []


def start():
    settings = Settings()
    sender = ChangeSender(settings)

    def on_change(change_type, level, resource):
        # An exception here would only fill the log, at each change.
        try:
            if change_type == orthanc.ChangeType.ORTHANC_STARTED:
                sender.start()
            elif change_type == orthanc.ChangeType.ORTHANC_STOPPED:
                sender.stop()
            else:
                change = name_change(change_type, level)
                if change is not None:
                    sender.put(change, LEVELS[level], resource)
        except Exception as error:
            orthanc.LogError('DRIMbox: change not told (%s)' % type(error).__name__)

    def on_rest(output, uri, **request):
        relay(settings, output, uri, request)

    def on_own_state(output, uri, **request):
        if request.get('method') != 'GET':
            output.SendMethodNotAllowed('GET')
            return
        state = {'hook': HOOK_VERSION, 'pending': len(sender.pending), 'dropped': sender.dropped,
                 'sent': sender.sent, 'failures': sender.failures}
        database = sender.mark.read()
        if database is not None:
            state['database'] = database
        output.AnswerBuffer(json.dumps(state), 'application/json')

    CALLBACKS.extend((on_change, on_rest, on_own_state))
    orthanc.RegisterOnChangeCallback(on_change)
    orthanc.RegisterRestCallback('/drimbox/(.*)', on_rest)
    orthanc.RegisterRestCallback('/drimbox-hook', on_own_state)
    orthanc.ExtendOrthancExplorer(EXPLORER_SCRIPT)
    orthanc.LogWarning('DRIMbox: hook loaded, sidecar at %s:%d' % (settings.host, settings.port))


try:
    start()
except Exception as failure:
    # A faulty DRIMbox section must not keep a PACS from starting.
    orthanc.LogError('DRIMbox: hook NOT loaded: %s: %s' % (type(failure).__name__, failure))
