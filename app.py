"""Relex Studio: explore, correct and curate entities and relations. Run with `streamlit run app.py`."""

import streamlit as st
from starlette.middleware import Middleware

from pages.shared import direct, frame, shell, takeaways
from pages.shared.messages import guard
from pages.shared.sign_in import SignIn

if frame.visited():
    st.set_page_config(
        page_title=shell.TITLE, page_icon=str(frame.ICON), layout="wide", initial_sidebar_state="collapsed"
    )
    page = st.navigation(frame.pages(), position="top")
    frame.draw(page)
    with guard():
        page.run()
else:
    # the server imports this file once, before the first visitor
    app = st.App(
        __file__,
        lifespan=frame.lifespan,
        routes=(*direct.routes, *takeaways.routes),
        middleware=[Middleware(shell.Shell), Middleware(SignIn)],
    )
