// Pickers ask by POST: what is typed into them, a document number perhaps, stands in no address and in no log.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
    const token = document.querySelector("input[name=csrfmiddlewaretoken]");
    if (token) {
        django.jQuery.ajaxSetup({headers: {"X-CSRFToken": token.value}});
    }
});
